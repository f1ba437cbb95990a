//! The whole on a real Kubernetes: `make e2e` starts it and runs these. Each scenario has a
//! namespace of its own, and an operator where it needs one.

mod smoke;
