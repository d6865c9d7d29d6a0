"""What the pages share: the player, the page frame, settings in the address bar, colours."""
