using System.Text;
using System.Text.Json;
using Skipwise.Storage;

namespace Skipwise.Runs;

/// <summary>
/// A file of JSON lines, one record per line in snake_case, each flushed as it is appended: what a run has measured
/// survives whatever ends the run. One writer at a time; readers may follow along.
/// </summary>
public sealed class MetricLog : IDisposable
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

    /// <summary>Begins an empty log; an older one of that name is gone.</summary>
    /// <exception cref="SkipwiseException">the file cannot be written</exception>
    public static MetricLog Create(string path) => new(path, FileMode.Create, 0);

    /// <summary>
    /// Continues a log: keeps the records that <paramref name="keep"/> accepts (those up to the checkpoint's step) and drops the others,
    /// which the resumed run will measure again, and a line that a crash tore. A log that does not exist yet begins empty.
    /// </summary>
    /// <exception cref="SkipwiseException">the file cannot be read or written, or a line is not such a record</exception>
    public static MetricLog Resume<T>(string path, Func<T, bool> keep)
    {
        T[] kept = File.Exists(path) ? [.. Read<T>(path).Where(keep)] : [];
        Write(path, kept);
        return new MetricLog(path, FileMode.Append, kept.Length);
    }

    /// <summary>Records in the file.</summary>
    public int Lines { get; private set; }

    /// <summary>Appends one line and flushes it.</summary>
    public void Append<T>(T record) => AppendAll([record]);

    /// <summary>Appends lines that belong together in one write: a process that is killed leaves all or none.</summary>
    public void AppendAll<T>(IReadOnlyList<T> records)
    {
        _writer.Write(Text(records));
        Lines += records.Count;
    }

    /// <summary>Waits until all lines are on the disk, so that what is written afterwards never lies there without them.</summary>
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

    /// <summary>Writes a whole file of records at once: to a temporary name beside it, then renamed.</summary>
    /// <exception cref="SkipwiseException">the file cannot be written</exception>
    public static void Write<T>(string path, IEnumerable<T> records) =>
        AtomicFile.WriteText(path, Text(records));

    /// <summary>The records as lines.</summary>
    public static string Text<T>(IEnumerable<T> records) =>
        string.Concat(records.Select(record => JsonSerializer.Serialize(record, ReportJson.Line) + "\n"));

    /// <summary>Reads all records. A last line without its line end is what a crash leaves: it is not read.</summary>
    /// <exception cref="SkipwiseException">the file cannot be read, or a complete line is not such a record; names the line</exception>
    public static IReadOnlyList<T> Read<T>(string path)
    {
        string[] lines = TextFile.Read(path).Split('\n');
        var records = new List<T>();
        for (int i = 0; i < lines.Length - 1; i++) // what follows the last line end is empty or torn
        {
            if (string.IsNullOrWhiteSpace(lines[i]))
            {
                continue;
            }
            try
            {
                records.Add(JsonText.Deserialize<T>(lines[i], ReportJson.Line));
            }
            catch (JsonException e)
            {
                throw new SkipwiseException($"{path}, line {i + 1}: not a record of this log: {e.Message} Mend or remove the line", e);
            }
        }
        return records;
    }

    public void Dispose() => _writer.Dispose();
}
