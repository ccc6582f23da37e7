"""Pictures on request: any size of a published photo, behind a CDN."""
