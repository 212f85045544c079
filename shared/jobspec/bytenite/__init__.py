"""ByteNite's job language: a job splits its source in chunks, runs an app on each, and assembles
what they leave."""
