package main

import (
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
)

const (
	headerSize = 16
	opMsg      = 2013
	moreToCome = 1 << 1
	maxMessage = 48_000_000
)

// turns lets one command at a time through to a server. FerretDB 1 runs an update or a findAndModify as a look-up and a
// write of its own, so that two of them can both change what either had found; to MongoDB each is atomic.
type turns struct {
	listener net.Listener
	backend  string
	turn     sync.Mutex
}

func (t *turns) serve() error {
	for {
		client, err := t.listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			if err := t.pass(client); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				slog.Debug("a connection ended", "error", err)
			}
		}()
	}
}

// pass carries the commands of one client. A command that has begun ends, also where the client is gone.
func (t *turns) pass(client net.Conn) error {
	defer client.Close()
	server, err := net.Dial("unix", t.backend)
	if err != nil {
		return err
	}
	defer server.Close()
	for {
		request, err := readMessage(client)
		if err != nil {
			return err
		}
		reply, err := t.ask(server, request)
		if err != nil {
			return err
		}
		if _, err := client.Write(reply); err != nil {
			return err
		}
	}
}

func (t *turns) ask(server net.Conn, request []byte) ([]byte, error) {
	t.turn.Lock()
	defer t.turn.Unlock()
	if _, err := server.Write(request); err != nil {
		return nil, err
	}
	if hasNoReply(request) {
		return nil, nil
	}
	return readMessage(server)
}

func hasNoReply(request []byte) bool {
	return len(request) >= headerSize+4 &&
		binary.LittleEndian.Uint32(request[12:]) == opMsg &&
		binary.LittleEndian.Uint32(request[headerSize:])&moreToCome != 0
}

func readMessage(from io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(from, size[:]); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint32(size[:])
	if length < headerSize || length > maxMessage {
		return nil, errors.New("no message of MongoDB's protocol")
	}
	message := make([]byte, length)
	copy(message, size[:])
	_, err := io.ReadFull(from, message[len(size):])
	return message, err
}
