//! One struct, validated once; the only reader of the environment.
