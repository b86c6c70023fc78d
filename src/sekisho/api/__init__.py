"""The wire vocabulary: Status errors, names, selectors, quantities, patches, time. Pure functions only."""
