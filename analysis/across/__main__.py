import sys

from analysis.across.command import main

sys.exit(main())
