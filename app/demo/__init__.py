"""The demo county and the tour: clients of the API like any other, so that they show what integrators get.

kymenlaakso.json carries an invented county modelled on Kymenlaakson hyvinvointialue, with stories of decisions; `play`
plays a story over HTTP. Nothing in the service depends on this package.
"""
