// both PAGE SOCKET WORD...: fetches a page, then sends each word over a WebSocket and prints what comes back.
package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

//go:wasmimport wasmarium http_open
func httpOpen(method string, url string, headers string, flags uint32, request *uint32) uint32

//go:wasmimport wasmarium http_response
func httpResponse(request uint32, flags uint32, status *uint32) uint32

//go:wasmimport wasmarium http_read
func httpRead(request uint32, buffer unsafe.Pointer, length uint32, flags uint32, done *uint32) uint32

//go:wasmimport wasmarium ws_open
func wsOpen(url string, protocols string, socket *uint32) uint32

//go:wasmimport wasmarium ws_connect
func wsConnect(socket uint32, flags uint32) uint32

//go:wasmimport wasmarium ws_send
func wsSend(socket uint32, kind uint32, content string, flags uint32) uint32

//go:wasmimport wasmarium ws_receive
func wsReceive(socket uint32, buffer unsafe.Pointer, length uint32, flags uint32, kind *uint32, done *uint32, left *uint32) uint32

//go:wasmimport wasmarium close
func closeHandle(handle uint32) uint32

func check(what string, number uint32) bool {
	if number != 0 {
		os.Stdout.WriteString(what + ": " + syscall.Errno(number).Error() + "\n")
	}
	return number == 0
}

func fetch(url string) {
	var request, status, done uint32
	if !check("open", httpOpen("GET", url, "", 0, &request)) || !check("response", httpResponse(request, 0, &status)) {
		return
	}
	defer closeHandle(request)
	var page strings.Builder
	buffer := make([]byte, 512)
	for {
		if !check("read", httpRead(request, unsafe.Pointer(&buffer[0]), uint32(len(buffer)), 0, &done)) {
			return
		}
		if done == 0 {
			break
		}
		page.Write(buffer[:done])
	}
	os.Stdout.WriteString(strconv.Itoa(int(status)) + " " + page.String() + "\n")
}

func echo(url string, words []string) {
	var socket, kind, done, left uint32
	if !check("open", wsOpen(url, "", &socket)) || !check("connect", wsConnect(socket, 0)) {
		return
	}
	defer closeHandle(socket)
	buffer := make([]byte, 512)
	for _, word := range words {
		if !check("send", wsSend(socket, 1, word, 0)) {
			return
		}
		if !check("receive", wsReceive(socket, unsafe.Pointer(&buffer[0]), uint32(len(buffer)), 0, &kind, &done, &left)) {
			return
		}
		os.Stdout.WriteString("echo " + string(buffer[:done]) + "\n")
	}
}

func main() {
	fetch(os.Args[1])
	echo(os.Args[2], os.Args[3:])
}
