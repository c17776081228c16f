using System.Text;
using Skipwise.Storage;

namespace Skipwise.Runs;

/// <summary>
/// A file of JSON lines, one record per line in snake_case, each flushed when it is appended, so that records survive whatever ends the
/// run. One writer at a time; others may read meanwhile.
/// </summary>
internal sealed class MetricLog : IDisposable
{
    private readonly FileStream _stream;
    private readonly StreamWriter _writer;

    private MetricLog(string path, FileMode mode, int lines)
    {
        Lines = lines;
        try
        {
            _stream = new FileStream(path, mode, FileAccess.Write, FileShare.Read);
            _writer =
                new StreamWriter(_stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true, NewLine = "\n" };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SkipwiseException($"{path}: cannot be written: {e.Message}. Choose another folder", e);
        }
    }

    /// <summary>Creates an empty log in place of an older one.</summary>
    /// <exception cref="SkipwiseException">the file cannot be written</exception>
    public static MetricLog Create(string path) => new(path, FileMode.Create, 0);

    /// <summary>
    /// Continues a log: keeps the records that <paramref name="keep"/> accepts (those up to the checkpoint's step) and drops the others,
    /// which the resumed run writes again, and an incomplete last line. A missing log is created.
    /// </summary>
    /// <exception cref="SkipwiseException">the file cannot be read or written, or a line is not such a record</exception>
    public static MetricLog Resume<T>(string path, Func<T, bool> keep)
    {
        T[] kept = File.Exists(path) ? [.. JsonLines.Read<T>(path).Where(keep)] : [];
        JsonLines.Write(path, kept);
        return new MetricLog(path, FileMode.Append, kept.Length);
    }

    /// <summary>Number of records in the file.</summary>
    public int Lines { get; private set; }

    /// <summary>Appends one line and flushes it.</summary>
    public void Append<T>(T record) => AppendAll([record]);

    /// <summary>Appends lines that belong together in one write: a killed process leaves all or none.</summary>
    public void AppendAll<T>(IReadOnlyList<T> records)
    {
        _writer.Write(JsonLines.Text(records));
        Lines += records.Count;
    }

    /// <summary>Flushes all lines to the disk, so that later files never exist there without them.</summary>
    /// <exception cref="SkipwiseException">the disk is full or fails</exception>
    public void Sync()
    {
        try
        {
            FileSystem.Sync(_stream);
            FileSystem.SyncFolder(Path.GetDirectoryName(_stream.Name)!);
        }
        catch (IOException e)
        {
            throw new SkipwiseException($"{_stream.Name}: cannot be written: {e.Message}. Free some space", e);
        }
    }

    public void Dispose() => _writer.Dispose();
}
