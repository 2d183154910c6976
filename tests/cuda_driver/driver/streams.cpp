// Streams, events and graphs. Everything is finished as soon as it is asked for; a capture records
// the launches, and a replay checks that their memory is still there.
#include "driver.h"

#include <chrono>

struct CUevent_st {
    int device;
    std::chrono::steady_clock::time_point time;
    std::shared_ptr<Capture> capture;
};

// The streams 0 to 2 are always there, for every device.
static CUstream own(intptr_t stream) {
    return stream > 2 ? reinterpret_cast<CUstream>(stream) : nullptr;
}
static CUevent event(intptr_t handle) { return reinterpret_cast<CUevent>(handle); }
static CUgraph graph(intptr_t handle) { return reinterpret_cast<CUgraph>(handle); }

Capture* capture_of(CUstream stream) {
    CUstream handle = own(reinterpret_cast<intptr_t>(stream));
    return handle ? handle->capture.get() : nullptr;
}

CUresult refuse_in_capture(CUstream stream, const char* what) {
    stream->capture->broken = true;
    return fail(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "%s while the stream is captured", what);
}

static intptr_t new_stream(unsigned flags, int priority) {
    return reinterpret_cast<intptr_t>(
        new CUstream_st{current_context()->device, flags, priority, nullptr});
}

static intptr_t new_event() {
    return reinterpret_cast<intptr_t>(new CUevent_st{current_context()->device, {}, nullptr});
}

static CUresult wait(intptr_t stream, const char* what) {
    CUstream handle = own(stream);
    return handle && handle->capture ? refuse_in_capture(handle, what) : CUDA_SUCCESS;
}

static CUresult record(CUevent event, CUstream stream) {
    int device = stream ? stream->device : current_context()->device;
    if (event->device != device)
        return fail(CUDA_ERROR_INVALID_HANDLE,
                    "an event of device %d is recorded on a stream of device %d", event->device,
                    device);
    event->time = std::chrono::steady_clock::now();
    event->capture = stream ? stream->capture : nullptr;
    return CUDA_SUCCESS;
}

static CUresult begin_capture(CUstream stream) {
    if (!stream || stream->capture)
        return fail(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "this stream cannot be captured");
    stream->capture.reset(new Capture{std::make_unique<CUgraph_st>(), stream, false, {}});
    return CUDA_SUCCESS;
}

static intptr_t end_capture(CUstream stream) {
    if (!stream || !stream->capture || stream->capture->origin != stream) {
        done(CUDA_ERROR_INVALID_VALUE);
        return 0;
    }
    std::shared_ptr<Capture> capture = std::move(stream->capture);
    for (CUstream fork : capture->forks) fork->capture.reset();
    if (capture->broken) {
        done(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
        return 0;
    }
    return reinterpret_cast<intptr_t>(capture->graph.release());
}

static CUresult replay(const CUgraph_st& graph) {
    Lock lock(everything);
    for (const Launch& launch : graph.launches)
        if (CUresult error = check_addresses(launch)) return error;
    return CUDA_SUCCESS;
}

static Replacement replacements[] = {
    {"streamCreate", +[](int) { return new_stream(CU_STREAM_DEFAULT, 0); }},
    {"streamCreateWithFlags", +[](unsigned flags, int) { return new_stream(flags, 0); }},
    {"streamCreateWithPriority", +[](unsigned flags, int priority, int) {
         return new_stream(flags, priority);
     }},
    {"streamDestroy", +[](intptr_t stream, int) {
         delete own(stream);
         return done(CUDA_SUCCESS);
     }},
    {"streamSynchronize", +[](intptr_t stream, int) {
         return done(wait(stream, "a synchronization"));
     }},
    {"streamQuery", +[](intptr_t stream, int) {
         return Py_BuildValue("i", wait(stream, "a query"));
     }},
    {"streamGetFlags", +[](intptr_t stream, int) -> unsigned {
         return own(stream) ? own(stream)->flags : 0;
     }},
    {"streamGetPriority", +[](intptr_t stream, int) -> int {
         return own(stream) ? own(stream)->priority : 0;
     }},
    {"streamWaitEvent", +[](intptr_t stream, intptr_t handle, int, Optional*) {
         std::shared_ptr<Capture> capture = event(handle)->capture;
         if (own(stream) && capture && !own(stream)->capture) {
             own(stream)->capture = capture;
             capture->forks.push_back(own(stream));
         }
         return done(CUDA_SUCCESS);
     }},
    {"streamBeginCapture", +[](intptr_t stream, int, Optional*) {
         return done(begin_capture(own(stream)));
     }},
    {"streamEndCapture", +[](intptr_t stream, int) { return end_capture(own(stream)); }},
    {"streamIsCapturing", +[](intptr_t stream, int) -> int {
         return own(stream) && own(stream)->capture;
     }},
    {"eventCreate", +[](int) { return new_event(); }},
    {"eventCreateWithFlags", +[](unsigned, int) { return new_event(); }},
    {"eventDestroy", +[](intptr_t handle, int) {
         delete event(handle);
         return done(CUDA_SUCCESS);
     }},
    {"eventRecord", +[](intptr_t handle, intptr_t stream, int) {
         return done(record(event(handle), own(stream)));
     }},
    {"eventQuery", +[](intptr_t handle, int) {
         return Py_BuildValue("i", event(handle)->capture ? CUDA_ERROR_CAPTURED_EVENT : CUDA_SUCCESS);
     }},
    {"eventSynchronize", +[](intptr_t handle, int) {
         return done(event(handle)->capture ? CUDA_ERROR_CAPTURED_EVENT : CUDA_SUCCESS);
     }},
    {"eventElapsedTime", +[](intptr_t start, intptr_t end, int) -> float {
         std::chrono::duration<float, std::milli> passed = event(end)->time - event(start)->time;
         return passed.count();
     }},
    {"graphInstantiate", +[](intptr_t handle, int) {
         return reinterpret_cast<intptr_t>(new CUgraph_st(*graph(handle)));
     }},
    {"graphUpload", +[](intptr_t, intptr_t, int) { return done(CUDA_SUCCESS); }},
    {"graphLaunch", +[](intptr_t handle, intptr_t, int) { return done(replay(*graph(handle))); }},
    {"graphDestroy", +[](intptr_t handle, int) {
         delete graph(handle);
         return done(CUDA_SUCCESS);
     }},
    {"graphExecDestroy", +[](intptr_t handle, int) {
         delete graph(handle);
         return done(CUDA_SUCCESS);
     }},
};

extern "C" CUresult cuStreamGetCtx(CUstream stream, CUcontext* result) {
    CUstream handle = own(reinterpret_cast<intptr_t>(stream));
    *result = handle ? context(handle->device) : current_context();
    return CUDA_SUCCESS;
}
