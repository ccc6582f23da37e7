"""What is known of pictures, documents and frames, to be searched: entries, their index, queries."""
