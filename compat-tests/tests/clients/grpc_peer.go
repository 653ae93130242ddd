// Both ends of gRPC by grpc-go, as grpc_peer.py: grpc_peer serve PORT | call PORT CA.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Messages are bytes as they are.
type raw struct{}

func (raw) Marshal(v interface{}) ([]byte, error) { return *v.(*[]byte), nil }
func (raw) Unmarshal(data []byte, v interface{}) error {
	*v.(*[]byte) = append([]byte{}, data...)
	return nil
}
func (raw) Name() string { return "proto" }

type peer struct{ cancelled chan struct{} }

func unary(name string, answer func(*peer, context.Context, []byte) ([]byte, error)) grpc.MethodDesc {
	handle := func(srv interface{}, ctx context.Context, read func(interface{}) error, _ grpc.UnaryServerInterceptor) (interface{}, error) {
		var request []byte
		if err := read(&request); err != nil {
			return nil, err
		}
		reply, err := answer(srv.(*peer), ctx, request)
		return &reply, err
	}
	return grpc.MethodDesc{MethodName: name, Handler: handle}
}

func echo(_ *peer, _ context.Context, request []byte) ([]byte, error) { return request, nil }

func slow(p *peer, ctx context.Context, _ []byte) ([]byte, error) {
	select {
	case <-ctx.Done():
		if ctx.Err() == context.Canceled {
			select {
			case p.cancelled <- struct{}{}:
			default:
			}
		}
	case <-time.After(5 * time.Second):
	}
	return []byte("slow"), nil
}

func cancelled(p *peer, _ context.Context, _ []byte) ([]byte, error) {
	select {
	case <-p.cancelled:
		return []byte("1"), nil
	case <-time.After(3 * time.Second):
		return []byte("0"), nil
	}
}

func fail(_ *peer, ctx context.Context, request []byte) ([]byte, error) {
	grpc.SetTrailer(ctx, metadata.Pairs("why", "asked for", "bytes-bin", "\x00\x01\xff"))
	return nil, status.Error(codes.FailedPrecondition, "no: "+string(request))
}

func count(_ interface{}, stream grpc.ServerStream) error {
	var request []byte
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	most, _ := strconv.Atoi(string(request))
	for n := 0; n < most; n++ {
		one := []byte(strconv.Itoa(n))
		if err := stream.SendMsg(&one); err != nil {
			return err
		}
	}
	return nil
}

func sum(_ interface{}, stream grpc.ServerStream) error {
	total := 0
	for {
		var request []byte
		if err := stream.RecvMsg(&request); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		n, _ := strconv.Atoi(string(request))
		total += n
	}
	reply := []byte(strconv.Itoa(total))
	return stream.SendMsg(&reply)
}

func chat(_ interface{}, stream grpc.ServerStream) error {
	for {
		var request []byte
		if err := stream.RecvMsg(&request); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		reply := append([]byte("re: "), request...)
		if err := stream.SendMsg(&reply); err != nil {
			return err
		}
	}
}

func serve(port string) {
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "test.Peer",
		HandlerType: (*interface{})(nil),
		Methods: []grpc.MethodDesc{
			unary("Echo", echo), unary("Slow", slow), unary("Cancelled", cancelled), unary("Fail", fail),
		},
		Streams: []grpc.StreamDesc{
			{StreamName: "Count", Handler: count, ServerStreams: true},
			{StreamName: "Sum", Handler: sum, ClientStreams: true},
			{StreamName: "Chat", Handler: chat, ServerStreams: true, ClientStreams: true},
		},
	}, &peer{make(chan struct{}, 1)})
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err == nil {
		err = server.Serve(listener)
	}
	log.Fatal(err)
}

func expect(good bool, what ...interface{}) {
	if !good {
		log.Fatal(what...)
	}
}

type client struct{ *grpc.ClientConn }

func (c client) unary(limit time.Duration, method string, request []byte) ([]byte, metadata.MD, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var reply []byte
	var trailers metadata.MD
	err := c.Invoke(ctx, method, &request, &reply, grpc.Trailer(&trailers))
	return reply, trailers, err
}

func (c client) stream(method string, desc grpc.StreamDesc) (grpc.ClientStream, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	stream, err := c.NewStream(ctx, &desc, "/test.Peer/"+method)
	expect(err == nil, method, err)
	return stream, cancel
}

func send(stream grpc.ClientStream, n int) {
	request := []byte(strconv.Itoa(n))
	err := stream.SendMsg(&request)
	expect(err == nil, err)
}

func receive(stream grpc.ClientStream) (string, error) {
	var reply []byte
	err := stream.RecvMsg(&reply)
	return string(reply), err
}

func call(port, ca string) {
	trusted, err := credentials.NewClientTLSFromFile(ca, "")
	expect(err == nil, err)
	conn, err := grpc.Dial("localhost:"+port, grpc.WithTransportCredentials(trusted))
	expect(err == nil, err)
	c := client{conn}
	const limit = 20 * time.Second

	for _, size := range []int{0, 1, 16384, 1000000} {
		request := bytes.Repeat([]byte("x"), size)
		reply, _, err := c.unary(limit, "/test.Peer/Echo", request)
		expect(err == nil && bytes.Equal(reply, request), "Echo", size, err)
	}
	done := make(chan error)
	for n := 0; n < 200; n++ {
		go func(n int) {
			reply, _, err := c.unary(limit, "/test.Peer/Echo", []byte(strconv.Itoa(n)))
			if err == nil && string(reply) != strconv.Itoa(n) {
				err = fmt.Errorf("%d became %s", n, reply)
			}
			done <- err
		}(n)
	}
	for n := 0; n < 200; n++ {
		err := <-done
		expect(err == nil, "Echo", err)
	}

	stream, cancel := c.stream("Count", grpc.StreamDesc{ServerStreams: true})
	send(stream, 1000)
	stream.CloseSend()
	for n := 0; n < 1000; n++ {
		reply, err := receive(stream)
		expect(err == nil && reply == strconv.Itoa(n), "Count", n, reply, err)
	}
	_, err = receive(stream)
	expect(err == io.EOF, "Count", err)
	cancel()

	stream, cancel = c.stream("Sum", grpc.StreamDesc{ClientStreams: true})
	for n := 0; n < 1000; n++ {
		send(stream, n)
	}
	stream.CloseSend()
	reply, err := receive(stream)
	expect(err == nil && reply == "499500", "Sum", reply, err)
	cancel()

	stream, cancel = c.stream("Chat", grpc.StreamDesc{ClientStreams: true, ServerStreams: true})
	for n := 0; n < 20; n++ {
		send(stream, n)
		reply, err := receive(stream)
		expect(err == nil && reply == "re: "+strconv.Itoa(n), "Chat", reply, err)
	}
	stream.CloseSend()
	_, err = receive(stream)
	expect(err == io.EOF, "Chat", err)
	cancel()

	began := time.Now()
	_, _, err = c.unary(500*time.Millisecond, "/test.Peer/Slow", nil)
	expect(status.Code(err) == codes.DeadlineExceeded && time.Since(began) < 2*time.Second, "deadline", err)
	ctx, leave := context.WithCancel(context.Background())
	time.AfterFunc(300*time.Millisecond, leave)
	var nothing []byte
	err = c.Invoke(ctx, "/test.Peer/Slow", &nothing, &nothing)
	expect(status.Code(err) == codes.Canceled, "cancel", err)
	heard, _, err := c.unary(limit, "/test.Peer/Cancelled", nil)
	expect(err == nil && string(heard) == "1", "the server has not heard of it", err)

	_, trailers, err := c.unary(limit, "/test.Peer/Fail", []byte("please"))
	expect(status.Code(err) == codes.FailedPrecondition && status.Convert(err).Message() == "no: please", "Fail", err)
	expect(trailers.Get("why")[0] == "asked for" && trailers.Get("bytes-bin")[0] == "\x00\x01\xff", trailers)
	_, _, err = c.unary(limit, "/test.Peer/None", nil)
	expect(status.Code(err) == codes.Unimplemented, "None", err)
	_, _, err = c.unary(limit, "/down/Any", nil)
	expect(status.Code(err) == codes.Unavailable, "down", err)
	fmt.Println("ok")
}

func main() {
	encoding.RegisterCodec(raw{})
	if os.Args[1] == "serve" {
		serve(os.Args[2])
	}
	call(os.Args[2], os.Args[3])
}
