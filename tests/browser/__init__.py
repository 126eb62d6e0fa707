"""The page in a real browser: headless Chromium over a simulator on loopback."""
