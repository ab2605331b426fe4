"""A test with people: pages that show real and generated pictures, and the import of what people answered."""
