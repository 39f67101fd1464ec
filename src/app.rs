//! Wiring: stores, actors, listeners, shutdown in order. Alone knows the concrete stores.
