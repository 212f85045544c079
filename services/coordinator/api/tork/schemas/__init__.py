"""What Tork's door answers: its names on the wire, empty fields left out."""
