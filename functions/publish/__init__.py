"""What is made of an accepted photo and shown to the world: renditions, and the place's photo."""
