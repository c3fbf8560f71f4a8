import time, pytest
pytestmark = pytest.mark.stack
def test_x(spec, stores):
    from pipelines.steps.load import load
    from pipelines.steps.snapshot import snapshot
    from pipelines.steps.train import train, register
    from pipelines.steps.optimize import optimize
    from pipelines.steps.evaluate import evaluate
    from pipelines.steps.promote import promote
    from pipelines.steps.plan import plan
    from pipelines.steps.score import score
    from pipelines.steps.publish import publish
    from pipelines.steps.explain import explain
    t=time.time()
    def lap(n):
        nonlocal t
        print(n, round(time.time()-t,2)); t=time.time()
    print(load(spec, "2024-01-01","2024-01-12", stores)); lap("load")
    s=snapshot(spec,"2024-01-12",stores); print(s); lap("snapshot")
    tr=train(spec,s,stores); print(tr.metrics); lap("train")
    r=register(spec,tr,stores); lap("register")
    c=optimize(spec,r,stores); lap("optimize")
    v=evaluate(spec,c,stores); print(v); lap("evaluate")
    print(promote(spec,v,stores)); lap("promote")
    p=plan(spec,"2024-01-12",stores); lap("plan")
    print(publish(spec,p,[score(spec,p,x,stores) for x in p.shards],stores)); lap("publish")
    print(explain(spec,"2024-01-12",stores))
