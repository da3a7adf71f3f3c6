module turnpike.test/conformance

go 1.23

require github.com/m3ter-com/m3ter-sdk-go v0.12.0
