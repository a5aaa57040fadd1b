"""What does not belong: pictures unlike all others, labels that neighbours deny, copies across splits."""
