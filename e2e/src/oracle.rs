//! The differential oracle: the same requests to Apache Kafka and to us, the answers compared field
//! by field.
//!
//! A scene ([`scenes`]) plays through a [`side::Side`], which notes every answer; [`compare`] puts
//! the notes of both sides beside each other. What may differ (ports, ids drawn at random, message
//! texts) is taken out by [`normal`]; every other difference has to be in the table of findings.

pub mod access;
pub mod compare;
pub mod normal;
pub mod scenes;
pub mod side;
pub mod tokens;
pub mod tree;
