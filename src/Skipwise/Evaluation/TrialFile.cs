using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Skipwise.Storage;

namespace Skipwise.Evaluation;

/// <summary>One trial of a retrieval test: a prompt with what the model made of it.</summary>
public interface ITrial
{
    /// <summary>what the reply depends on, as a number: the model, the prompt's tokens, how long an answer may be; null when no file is kept</summary>
    string? CacheKey { get; init; }
}

/// <summary>
/// Trials as JSON lines, each appended as soon as it is done: the record of a measurement, and what an interrupted one continues from.
/// A reply is found again by <see cref="ITrial.CacheKey"/>, so a later run takes from the file whatever still holds: with another seed,
/// other lengths or more trials only what is new is asked, with another model everything.
/// </summary>
public sealed class TrialFile<TTrial> : IDisposable where TTrial : class, ITrial
{
    private readonly string _path;
    private readonly ulong _model;
    private readonly Dictionary<string, TTrial> _known = [];
    private StreamWriter? _writer;

    /// <param name="path">a new file, or one of an earlier run</param>
    /// <param name="model">fingerprint of the model that replies</param>
    /// <exception cref="SkipwiseException">the file cannot be written, or holds something else than trials of this kind; it is then left as it is</exception>
    public TrialFile(string path, ulong model)
    {
        (_path, _model) = (path, model);
        if (File.Exists(path))
        {
            Learn(TextFile.Read(path));
        }
        Write(_known.Values); // without a torn last line
        try
        {
            var stream = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read);
            _writer = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true, NewLine = "\n" };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SkipwiseException($"{path}: cannot be written: {e.Message}. Choose another folder", e);
        }
    }

    /// <summary>The key of a reply.</summary>
    /// <param name="prompt">token ids</param>
    /// <param name="terms">what else it depends on: the limit of a generated answer, or the ids of a given one</param>
    public string Key(ReadOnlySpan<int> prompt, params ReadOnlySpan<int> terms)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> numbers = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(numbers, _model);
        BinaryPrimitives.WriteInt64LittleEndian(numbers[8..], prompt.Length);
        hash.AppendData(numbers);
        hash.AppendData(MemoryMarshal.AsBytes(prompt));
        hash.AppendData(MemoryMarshal.AsBytes(terms));
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }

    /// <summary>The trial of an earlier run with this key, or null.</summary>
    public TTrial? Find(string key) => _known.GetValueOrDefault(key);

    /// <summary>Appends a trial and flushes it.</summary>
    public void Append(TTrial trial) => _writer!.WriteLine(EvaluationJson.Line(trial));

    /// <summary>Writes the trials of a whole measurement in their order, and nothing else.</summary>
    public void Complete(IEnumerable<TTrial> trials)
    {
        Dispose();
        Write(trials);
    }

    public void Dispose()
    {
        _writer?.Dispose();
        _writer = null;
    }

    private void Write(IEnumerable<TTrial> trials) => AtomicFile.Write(_path, file =>
    {
        foreach (TTrial trial in trials)
        {
            file.Write(Encoding.UTF8.GetBytes(EvaluationJson.Line(trial) + "\n"));
        }
    });

    private void Learn(string text)
    {
        string[] lines = text.Split('\n');
        for (int i = 0; i < lines.Length - 1; i++) // what follows the last line end is empty or torn
        {
            TTrial? trial;
            try
            {
                trial = EvaluationJson.Parse<TTrial>(lines[i]);
            }
            catch (JsonException e)
            {
                throw Foreign(i, e.Message, e);
            }
            string key = trial?.CacheKey ?? throw Foreign(i, "it has no \"cache_key\".");
            _known.TryAdd(key, trial);
        }
        if (lines.Length == 1 && text.Length > 0)
        {
            throw Foreign(0, "it has no line end.");
        }
    }

    private SkipwiseException Foreign(int line, string why, Exception? inner = null)
    {
        string message = $"{_path}, line {line + 1}: not a trial of this test: {why.TrimEnd('.')}. The file would be overwritten: name another one, or remove it";
        return inner is null ? new(message) : new(message, inner);
    }
}
