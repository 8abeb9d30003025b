"""Programs that do the main job through clients generated from openapi/openapi.json; the test makes `lava_client`."""
