"""What became of uploads, told to whoever subscribes."""
