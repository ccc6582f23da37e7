"""Where moto differs from AWS in what matters here. Each patch says what AWS does, and where that is said."""
