"""Fine-tuning: one Ray trial per seed."""
