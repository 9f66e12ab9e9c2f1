import sys

from analysis.report.build import main

sys.exit(main())
