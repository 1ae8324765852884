"""Who is told of an outage, in what words, by which way; and that it arrives."""
