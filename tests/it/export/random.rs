//! Whatever a household recorded, in whatever order, comes back.
