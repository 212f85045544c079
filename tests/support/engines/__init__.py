"""Container engines of the tests, their images, and executions driven on them."""
