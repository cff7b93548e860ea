"""Places as users hand them over: arrays, frames, and the columns that hold them."""
