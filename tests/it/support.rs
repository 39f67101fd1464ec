//! What every test needs: facts in few words, waiting for a condition.
