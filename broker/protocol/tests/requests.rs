//! What is promised about requests of every API in every version: the walker and the decoder agree,
//! and neither takes more memory than the bytes are worth.

mod requests {
    mod allocation;
    mod apis;
    mod bad_input;
    mod forge;
    mod hot;
    mod walker;
}
