"""What commands share: their options, and what they need around them."""
