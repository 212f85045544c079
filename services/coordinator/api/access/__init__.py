"""Who a request comes from, what it may do, and which jobs it may see."""
