"""The deciding tasks: each looks at a photo and returns a Decision."""
