"""The plugin for ModelScope: the only folder that imports it."""
