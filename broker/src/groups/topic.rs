//! The topic `__consumer_offsets`: where groups live, and who coordinates them.
