using Skipwise.Distributed;
using Skipwise.Evaluation.Results;

namespace Skipwise.Evaluation.Scoring;

/// <summary>Runs the trials of a retrieval evaluation. Responses in the trial file are reused, the others are computed; each finished
/// trial is reported.</summary>
/// <param name="task">name in progress reports</param>
/// <param name="total">tokens of all prompts</param>
/// <param name="file">that of rank 0; null on the others</param>
/// <param name="ranks">those that run the same trials; null: one process</param>
internal sealed class CachedTrialRunner<TTrial>(string task, long total, TrialFile<TTrial>? file, Action<TTrial>? onTrial,
    IProgress<EvaluationProgress>? progress, ICollective? ranks = null) where TTrial : class, ITrial
{
    private long _done;

    /// <summary>Runs the trials of some prompts and returns them in the prompts' order.</summary>
    /// <param name="length">for progress reports</param>
    /// <param name="tokens">number of tokens of a prompt</param>
    /// <param name="key">its cache key</param>
    /// <param name="stored">the response of a stored trial</param>
    /// <param name="judge">makes a trial from prompt, response and key</param>
    /// <param name="ask">computes (index, response) of prompts, in any order</param>
    public IReadOnlyList<TTrial> Run<TPrompt, TReply>(
        int length, IReadOnlyList<TPrompt> prompts, Func<TPrompt, int> tokens, Func<TrialFile<TTrial>, TPrompt, string> key,
        Func<TTrial, TReply> stored, Func<TPrompt, TReply, string?, TTrial> judge,
        Func<IReadOnlyList<TPrompt>, IEnumerable<(int Index, TReply Reply)>> ask)
    {
        var trials = new TTrial[prompts.Count];
        var keys = new string?[prompts.Count];
        var found = new List<Found<TReply>>();
        for (int i = 0; i < prompts.Count; i++)
        {
            keys[i] = file is null ? null : key(file, prompts[i]);
            if (keys[i] is { } known && file!.Find(known) is { } trial)
            {
                found.Add(new(i, stored(trial)));
            }
        }
        // what rank 0 found, no rank asks again
        IReadOnlyList<Found<TReply>> all = (ranks ?? SingleProcess.Instance).Exchange(() => found, CancellationToken.None)[0];
        foreach (Found<TReply> reply in all)
        {
            Take(reply.Index, reply.Reply, isNew: false);
        }
        int[] unknown = [.. Enumerable.Range(0, prompts.Count).Except(all.Select(reply => reply.Index))];
        foreach ((int index, TReply reply) in ask([.. unknown.Select(i => prompts[i])]))
        {
            Take(unknown[index], reply, isNew: true);
        }
        return trials;

        void Take(int i, TReply reply, bool isNew)
        {
            trials[i] = judge(prompts[i], reply, keys[i]);
            if (isNew)
            {
                file?.Append(trials[i]);
            }
            onTrial?.Invoke(trials[i]);
            _done += tokens(prompts[i]);
            progress?.Report(new(task, length, _done, total));
        }
    }

    private sealed record Found<TReply>(int Index, TReply Reply);
}
