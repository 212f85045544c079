"""Services as real processes: started, watched, killed, measured."""
