using Microsoft.Win32.SafeHandles;

namespace Skipwise.Storage;

/// <summary>
/// Flushes a large file to disk while it is being written. A system that collects gigabytes before it begins would otherwise leave the disk
/// idle during the computation of what is written, and the computation during the final flush.
/// </summary>
internal sealed class EarlyFlush : IDisposable
{
    private const long Bytes = 32 << 20; // that are worth a flush
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(200);

    private readonly SafeFileHandle _file;
    private readonly string _path;
    private readonly Timer _timer;
    private long _flushed;
    private volatile IOException? _error;

    /// <param name="file">stays open until <see cref="Dispose"/> has returned</param>
    public EarlyFlush(FileStream file)
    {
        (_file, _path) = (file.SafeFileHandle, file.Name);
        _timer = new(_ => Flush(), null, s_interval, Timeout.InfiniteTimeSpan);
    }

    private void Flush()
    {
        try
        {
            long length = RandomAccess.GetLength(_file);
            if (length - _flushed >= Bytes)
            {
                FileSystem.SyncWritten(_file, _path);
                _flushed = length;
            }
            _timer.Change(s_interval, Timeout.InfiniteTimeSpan);
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
