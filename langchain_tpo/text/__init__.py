"""What is done to texts before anybody reads them."""
