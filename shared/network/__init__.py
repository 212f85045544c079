"""What connections to addresses that users name have to keep to."""
