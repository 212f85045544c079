"""What tests stand on: real servers, images, builders."""
