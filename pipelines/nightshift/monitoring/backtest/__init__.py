"""A model's nights judged once more, as of each night: what would have alarmed, what retrained, what been missed."""
