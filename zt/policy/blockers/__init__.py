"""What blocks addresses, one file each."""
