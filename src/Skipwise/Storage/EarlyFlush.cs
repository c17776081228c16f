using Microsoft.Win32.SafeHandles;

namespace Skipwise.Storage;

/// <summary>
/// Flushes a large file to disk while it is being written. A system that collects gigabytes before it begins would otherwise leave the disk
/// idle during the computation of what is written, and the computation during the final flush.
/// </summary>
internal sealed class EarlyFlush : IDisposable
{
    private readonly long _bytes;
    private readonly TimeSpan _interval;
    private readonly SafeFileHandle _file;
    private readonly string _path;
    private readonly Timer _timer;
    private long _flushed;
    private volatile IOException? _error;

    /// <param name="file">stays open until <see cref="Dispose"/> has returned</param>
    /// <param name="bytes">that are worth a flush</param>
    /// <param name="milliseconds">between two looks at the file</param>
    public EarlyFlush(FileStream file, long bytes = 32 << 20, int milliseconds = 200)
    {
        (_bytes, _interval) = (bytes, TimeSpan.FromMilliseconds(milliseconds));
        (_file, _path) = (file.SafeFileHandle, file.Name);
        _timer = new(_ => Flush(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timer.Change(_interval, Timeout.InfiniteTimeSpan);
    }

    private void Flush()
    {
        try
        {
            long length = RandomAccess.GetLength(_file);
            if (length - _flushed >= _bytes)
            {
                FileSystem.SyncWritten(_file, _path);
                _flushed = length;
            }
            _timer.Change(_interval, Timeout.InfiniteTimeSpan);
        }
        catch (IOException e)
        {
            _error = e;
        }
        catch (ObjectDisposedException) { } // the timer, by Dispose
    }

    /// <summary>Reports a flush that failed: a system tells this once, so that a later flush may not.</summary>
    /// <exception cref="IOException">the disk is full or fails</exception>
    public void RequireSuccess()
    {
        if (_error is { } failed)
        {
            throw failed;
        }
    }

    /// <summary>Ends it, after the flush that is going on.</summary>
    public void Dispose()
    {
        using var ended = new ManualResetEvent(false);
        if (_timer.Dispose(ended))
        {
            ended.WaitOne();
        }
    }
}
