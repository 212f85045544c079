"""What a package can add to Conveyor, one small module for each."""
