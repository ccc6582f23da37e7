"""What tasks ask of Amazon Rekognition: labels, moderation labels, words, and regions with faces or text."""
