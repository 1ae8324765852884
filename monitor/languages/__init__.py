"""What people read, in each of their languages: the words in NAME.toml, and the sentences made of them."""
