using System.Runtime.InteropServices;

namespace Skipwise.Distributed.Mpi;

/// <summary>
/// Signs of life around a ring: every rank sends one byte a second to the next rank, and expects those of the rank before it. A rank that
/// computes, or writes a large file, goes on sending, for the communication thread sends; a stopped or dead process does not.
/// </summary>
internal sealed unsafe class Heartbeat : IDisposable
{
    /// <summary>Time between two signs.</summary>
    public const int IntervalMilliseconds = 1000;

    private const int LongestPause = 2 * IntervalMilliseconds, Tag = 7;
    private const byte Alive = 1, Last = 2;
    private readonly MpiLibrary _library;
    private readonly int _next;
    private readonly byte* _bytes; // two requests, then the byte received and the byte sent
    private long _heardAt, _sentAt, _tickedAt;
    private bool _isSending;

    public Heartbeat(MpiLibrary library, int rank, int size)
    {
        (_library, Previous, _next) = (library, (rank + size - 1) % size, (rank + 1) % size);
        _bytes = (byte*)NativeMemory.AllocZeroed(3 * (nuint)sizeof(nint));
        _heardAt = _tickedAt = Environment.TickCount64;
        Receive();
    }

    /// <summary>The rank that is listened to.</summary>
    public int Previous { get; }

    /// <summary>Milliseconds since its last sign.</summary>
    public long Silence => Environment.TickCount64 - _heardAt;

    /// <summary>Whether its last sign said that none follows.</summary>
    public bool HasEnded { get; private set; }

    private nint* Incoming => (nint*)_bytes;

    private nint* Outgoing => Incoming + 1;

    /// <summary>Sends and receives what is due; never waits.</summary>
    public void Tick()
    {
        Listen();
        if (Environment.TickCount64 - _sentAt >= IntervalMilliseconds && TrySend(Alive))
        {
            _sentAt = Environment.TickCount64;
        }
    }

    /// <summary>Tells the next rank that no sign follows. A message that nobody receives would keep MPI from ending.</summary>
    /// <returns>whether both neighbours are done; else to be called again</returns>
    public bool TryEnd()
    {
        if (_sentAt != long.MaxValue && TrySend(Last))
        {
            _sentAt = long.MaxValue;
        }
        Listen();
        _isSending = _isSending && !_library.Test(Outgoing);
        return _sentAt == long.MaxValue && !_isSending && HasEnded;
    }

    private void Listen()
    {
        long now = Environment.TickCount64;
        if (now - _tickedAt > LongestPause && !HasEnded)
        {
            _heardAt = now; // this process was suspended, the others probably too
        }
        _tickedAt = now;
        if (!HasEnded && _library.Test(Incoming))
        {
            _heardAt = now;
            HasEnded = _bytes[2 * sizeof(nint)] == Last;
            if (!HasEnded)
            {
                Receive();
            }
        }
    }

    private bool TrySend(byte sign)
    {
        if (_isSending && !_library.Test(Outgoing))
        {
            return false;
        }
        _bytes[(2 * sizeof(nint)) + 1] = sign;
        _library.Send((nint)(_bytes + (2 * sizeof(nint)) + 1), 1, _next, Tag, Outgoing);
        return _isSending = true;
    }

    private void Receive() => _library.Receive((nint)(_bytes + (2 * sizeof(nint))), 1, Previous, Tag, Incoming);

    public void Dispose() => NativeMemory.Free(_bytes);
}
