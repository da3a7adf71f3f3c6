package main

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	m3ter "github.com/m3ter-com/m3ter-sdk-go"
	"github.com/m3ter-com/m3ter-sdk-go/option"
)

// connection is the SDK's client with every request that it sent.
type connection struct {
	*m3ter.Client
	seen *[]*http.Request
}

type recorder struct {
	inner http.RoundTripper
	seen  *[]*http.Request
}

func (r recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	*r.seen = append(*r.seen, request.Clone(request.Context()))
	return r.inner.RoundTrip(request)
}

// connect makes a client of the server that the environment names; any host name reaches it.
func connect(options ...option.RequestOption) connection {
	server, err := url.Parse(os.Getenv("M3TER_BASE_URL"))
	must(err)
	dialer := &net.Dialer{}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, server.Host)
	}}
	seen := &[]*http.Request{}
	doer := &http.Client{Transport: recorder{transport, seen}}
	all := append([]option.RequestOption{option.WithHTTPClient(doer)}, options...)
	return connection{m3ter.NewClientWithServiceUserAuth(all...), seen}
}

// sent counts the requests after the first `before`, tokens aside.
func (c connection) sent(before int) int {
	count := 0
	for _, request := range (*c.seen)[before:] {
		if !strings.HasSuffix(request.URL.Path, "/oauth/token") {
			count++
		}
	}
	return count
}

func (c connection) tokens() int { return len(*c.seen) - c.sent(0) }
