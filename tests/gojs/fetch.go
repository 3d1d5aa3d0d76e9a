// Fetches the addresses that it is given (post:ADDRESS with a body) and prints what came of each.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

func main() {
	for _, url := range os.Args[1:] {
		var response *http.Response
		var err error
		if strings.HasPrefix(url, "post:") {
			response, err = http.Post(url[5:], "text/plain", strings.NewReader(strings.Repeat("gopher ", 100000)))
		} else {
			response, err = http.Get(url)
		}
		if err != nil {
			fmt.Println("error:", err)
			continue
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		fmt.Println(response.StatusCode, response.Header.Get("Content-Type"), len(body), err)
	}
}
