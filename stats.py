import lzma,json,collections
rows=[json.loads(l) for l in lzma.open('/work/shared/data/maskbench.jsonl.xz','rt')]
print(len(rows), sum(bool(r['tests']) for r in rows))
kw=collections.Counter(); nodes=[]; 
def visit(s,c):
    n=1
    if isinstance(s,dict):
        for k,v in s.items():
            if k in('properties','patternProperties','$defs','definitions','dependentSchemas'):
                c.add(k)
                if isinstance(v,dict):
                    for x in v.values(): n+=visit(x,c)
            elif k in('items','additionalProperties','not','if','then','else','contains','propertyNames','additionalItems','unevaluatedProperties','unevaluatedItems'):
                c.add(k)
                if isinstance(v,list):
                    for x in v:n+=visit(x,c)
                else:n+=visit(v,c)
            elif k in('allOf','anyOf','oneOf','prefixItems'):
                c.add(k)
                if isinstance(v,list):
                  for x in v:n+=visit(x,c)
            elif k in('enum','const','default','examples','example','description','title','$comment'): c.add(k)
            else:
                c.add(k if k!='format' else 'format:'+str(v))
    return n
for r in rows:
    c=set(); n=visit(r['schema'],c); nodes.append(n)
    for k in c: kw[k]+=1
nodes.sort(); print('nodes p50,p90,p99,max',[nodes[int(len(nodes)*p)] for p in(.5,.9,.99)],nodes[-1])
print(kw.most_common(130))
sz=sorted(len(json.dumps(r['schema'])) for r in rows); print('bytes',[sz[int(len(sz)*p)] for p in(.5,.9,.99)],sz[-1])
print(collections.Counter(r['schema'].get('$schema') if isinstance(r['schema'],dict) else 'x' for r in rows).most_common(12))
print(collections.Counter(r['split'] for r in rows))
