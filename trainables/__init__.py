"""What one trial does: tasks, encoders, backends, energy meters, fine-tuning and measuring."""
